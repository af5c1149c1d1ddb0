"""What a user would pick instead of `reinas fit`: one script per rival.

`python -m benchmarks.rivals.NAME --data FILE.npz --kind images|table|text --minutes M --seed S
--threads 2` prints one JSON line with the test score. The text of a script's docstring says how the
rival is set; its `script` block pins what is installed into an environment of its own, and names
the kinds of data that it is made for.
"""
