# claim: repository
# mistake: `library/` is put before one-word names of every registry (reg-4)
# of: python.sh
# as: user
s/^        if not re.search(r"\[/        if "\/" not in repository:\n            repository = "library\/" + repository\n&/
