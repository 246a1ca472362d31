"""MixupE as a scikit-learn classifier; needs scikit-learn, pandas and pydantic beside torch (`pip install '.[sklearn]'`)."""

from mixupe.sklearn.classifier import MixupEClassifier as MixupEClassifier
