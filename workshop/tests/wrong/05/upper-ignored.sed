# claim: writes
# mistake: --upper is taken and forgotten: what is written goes to a throw-away folder
s|--upper) upper=.*; shift|--upper) shift|
