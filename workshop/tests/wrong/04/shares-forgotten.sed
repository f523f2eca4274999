# claim: shares
# mistake: --cpu-shares is forgotten
# as: root
/set_limit cpu.shares/d
/^    \[ "$shares" \]/d
