"""Criteria from preferences: proposed from decided pairs, tested on others, set against reasons.

From about 30 pairs, as CritiQ does (Guo et al. 2025, arXiv 2502.19279), by contrasting what was
preferred with what was not (OpenRubrics, arXiv 2510.07743). Each part is a generator like a
protocol's, which is sent None for a question that nobody answered so that it could be read.
"""
