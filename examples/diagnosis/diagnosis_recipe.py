"""How the diagnosis model is trained: gradient boosting on thirty measurements."""

from sklearn.ensemble import GradientBoostingClassifier

from casemate import Dataset


def train(data: Dataset, seed: int) -> GradientBoostingClassifier:
    """Train on the rows that Casemate hands over, with its seed."""
    model = GradientBoostingClassifier(n_estimators=60, max_depth=3, subsample=0.8, random_state=seed)
    return model.fit(data.X, data.y)
