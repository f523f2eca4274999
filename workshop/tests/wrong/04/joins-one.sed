# claim: own-group
# mistake: joins the first group only: on v1 there is one for each controller
# as: root
s|for folder in "${groups\[@\]}"; do echo $BASHPID|for folder in "$memory_group"; do echo $BASHPID|
