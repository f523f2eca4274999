# claim: registry
# mistake: a name before the first / is a registry only with a dot: localhost:5000 is looked for on the Hub
# of: python.sh
s/\[\.:\]|^localhost\$/[.]|^localhost$/
