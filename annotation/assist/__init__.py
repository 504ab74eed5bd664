"""Assist: what a model proposes to a person at work. Propagation along a clip, clicks on a frame, what to do next.

propagation.py  key frames with their masks → proposals for the frames around them
clicks.py       a person points → the mask of one structure, proposed in well under a second

Proposals are rows of their own. Only a person's save turns one into a revision (promise 1).
"""
