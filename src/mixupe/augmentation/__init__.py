"""The methods: pure loss functions (model, x, y, lam, perm) -> loss, and over each a short class that draws lam, perm."""
