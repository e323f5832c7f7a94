"""The page an analyst opens: one HTML file, with a folder of pictures beside it, that needs no network."""

from rs_pipeline.publish.report.build import report

__all__ = ["report"]
