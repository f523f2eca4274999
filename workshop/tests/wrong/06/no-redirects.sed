# claim: redirect
# mistake: a redirect is the end
# of: python.sh
# as: user
s/elif status in (301, 302, 307, 308):/elif False:/
