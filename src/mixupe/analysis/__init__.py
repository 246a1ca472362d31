"""Theorem 1 of the paper, measured on a network: mixup's loss as a series in directional derivatives (docs/theory.md).

Everything works on a network as a function of one example alone, in evaluation mode (BatchNorm frozen, no dropout), and is
meant for float64. Notation: alpha of Beta(alpha, alpha); a = 1 - lam, how far mixup moves from an example x_i towards its
partner x_j; phi(a) the cross-entropy of f(x_i + a (x_j - x_i)) with the label of x_i.
"""
