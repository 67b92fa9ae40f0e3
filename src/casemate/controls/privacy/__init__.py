"""Privacy: controls on tables about people, the policy that declares them, and the plan that carries it out."""
