# claim: workdir
# mistake: WORKDIR is left out
# of: python.sh
# as: user
s/os.chdir(how.get("WorkingDir") or "\/")/os.chdir("\/")/
