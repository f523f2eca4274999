# claim: namespace
# mistake: no cgroup namespace: the command sees the paths of the host
# as: root
s|-Cmpf|-mpf|
