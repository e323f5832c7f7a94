"""Digital numbers to reflectance and masks: the only package that interprets offsets, scales and quality bits."""
