# claim: swap
# mistake: takes --memory-swap for the swap alone
# as: root
s|memory.memsw.limit_in_bytes $swap memory.swap.max $((swap - memory))|memory.memsw.limit_in_bytes $((memory + swap)) memory.swap.max $swap|
