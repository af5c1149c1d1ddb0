"""What a user would pick instead of `reinas fit`: one script per rival, in an environment of its own.

`python -m benchmarks.rivals.NAME --data FILE.npz --kind images|table|text --minutes M --seed S
--threads 2` prints one JSON line with the test score. The text of a script's docstring says how the
rival is set; its `script` block pins what it needs and says what kinds of data it is made for.
"""
