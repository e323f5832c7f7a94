"""A product of another package: how bright the ground is in red. It shows what a product takes, and edits nothing of the pipeline."""
