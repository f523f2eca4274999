# claim: swap
# mistake: --memory-swap is forgotten (cg-8)
# as: root
/set_limit memory.memsw/d
