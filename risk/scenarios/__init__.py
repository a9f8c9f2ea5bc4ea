"""Scenario sets: estimators that draw joint returns over the horizon."""
