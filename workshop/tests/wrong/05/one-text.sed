# claim: many
# mistake: whole paths in the one text of mount(2): it ends after 4095 bytes (ovl-6)
s|lower=$number${lower:+:$lower}|layer=${layer//\\\\/\\\\\\\\}; layer=${layer//,/\\\\,}; lower=${layer//:/\\\\:}${lower:+:$lower}|
