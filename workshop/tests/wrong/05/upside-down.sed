# claim: topmost
# mistake: hands the layers over in the order of the command line: the lowest on top
s|lower=$number${lower:+:$lower}|lower=${lower:+$lower:}$number|
