"""What people use today, run on the identical scenes, so that an accuracy can be compared and not only stated.

The baselines read the chips of a finished run: they get our decided offsets, our cloud, shadow and snow masks, our choice
of dates (season, tide window) and our monthly votes. That favours them; what is left to differ is the method itself.
"""
