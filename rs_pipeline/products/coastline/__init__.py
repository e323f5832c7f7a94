"""Shorelines, transects and rates of change.

composite  ``shore_composite``: infrared reflectance of a tile at the chips' native pixels, read at mean sea level
shoreline  water fraction inside the pixel, the sea, river mouths, contours
transects  lines from land to sea, and where the shorelines cross them
rates      movement, rates, tests and classes of one transect
classify   natural or artificial, with the evidence
assemble   ``coastline``: the step that puts them together
"""
