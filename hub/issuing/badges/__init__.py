"""Badges: a pass as something to print, with a face, a name and the code.

badge.py    what is on one; what a press is asked, and answers
fonts.py    the letters: which there are, and how a text is set
face.py     one badge, drawn
sheets.py   pages of them: cards one by one, or ten on an A4 with marks to cut along
press.py    the process that draws
presses.py  so many of these as there are cores
"""
