"""Figures of the transcript, measured in a real pseudo-terminal beside floors measured in the same run.

A reader thread stamps what the program writes; nothing is interpreted while something is measured. Afterwards the bytes are
replayed through a small terminal, and the time of a thing is the stamp after which it stood on the screen. The stream comes from
within the measured process, so the network is no part of any figure; floors are fed by the same code.
"""
