"""Fractional vegetation cover by small networks trained on simulated canopies."""
