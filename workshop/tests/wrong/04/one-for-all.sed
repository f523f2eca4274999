# claim: apart
# mistake: one group for all containers: the second one moves the limit of the first
# as: root
s|^name=box-.*|name=box|
s|^    \[ -d "$folder" \] && return|    [ -d "$folder" ] \&\& { groups+=("$folder"); return; }|
s|until rmdir "$folder"; do sleep 0.01; done|rmdir "$folder"|
