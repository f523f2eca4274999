# claim: cpus
# mistake: writes the number itself as the quota: 0.5 is refused (cg-14)
# as: root
s|^quota=.*|quota=$cpus|
