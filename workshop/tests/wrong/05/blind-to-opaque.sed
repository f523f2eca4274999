# claim: diff-opaque
# mistake: what an opaque folder hides is not told
s|if (path in was \&\& was\[path\] != is\[path\]) note|&|
s|if (above == "" .. above in is) note|if (above !~ /anew$/ \&\& path !~ /anew/ \&\& (above == "" \|\| above in is)) note|
