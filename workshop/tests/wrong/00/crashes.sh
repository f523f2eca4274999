#!/bin/sh
# claim: runs
# mistake: a stack that grows the wrong way (pid-12): a crash
kill -SEGV $$
