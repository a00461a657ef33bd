"""Machine raters: what a chat model is asked about a battle, and what its answer says.

Pure: nothing here asks anybody or stores anything. A protocol yields calls, is sent their answers,
and returns findings.
"""
