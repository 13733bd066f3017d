"""Wear a look in a program of yours: `python demos/embed_minimal.py look.png [video]`."""

import sys

import cv2

from tryon import Look, TryOnSession

video = cv2.VideoCapture(sys.argv[2] if len(sys.argv) > 2 else 0)
with TryOnSession(Look.from_photo(sys.argv[1])) as session:
    while cv2.waitKey(1) != 27 and (read := video.read())[0]:
        result = session.process(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
        cv2.imshow("tryon", cv2.cvtColor(result.image, cv2.COLOR_RGB2BGR))
