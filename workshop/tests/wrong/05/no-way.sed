# claim: diff
# mistake: the folders on the way to a change are not told
/while (sub(/d
/if (!(path in said)/d
