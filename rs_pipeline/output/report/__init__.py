"""The page an analyst opens: one HTML file that needs no network."""

from rs_pipeline.output.report.build import report

__all__ = ["report"]
