"""Digital numbers to reflectance and masks: the only room that knows offsets, scales and quality bits."""
