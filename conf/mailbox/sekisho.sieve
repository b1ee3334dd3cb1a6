# sekisho.sieve - mail that the gateway tagged goes to the spam folder (RFC 5228, RFC 5490)
#
# The gateway puts policy.quarantine_header on top of a message whose verdict is quarantine, and removes every field of
# that name that came from outside: what is found here was written by the gateway.
require ["fileinto", "mailbox"];

if header :is "X-Spam-Flag" "YES" {
	fileinto :create "Junk";
	stop;
}
