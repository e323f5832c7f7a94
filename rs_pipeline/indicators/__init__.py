"""Indicators: zonal statistics, uncertainty, targets, status, evidence."""
