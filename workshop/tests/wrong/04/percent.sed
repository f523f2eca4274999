# claim: cpus
# mistake: takes the quota for a percentage of the default period
# as: root
s|100000 \* ${cpus|1000000 * ${cpus|
