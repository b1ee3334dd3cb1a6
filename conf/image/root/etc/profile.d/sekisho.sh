# shellcheck shell=sh
# An operator's login: what there is, then sekishoctl, whose command `shell` comes back here.
if [ -t 0 ] && [ -t 1 ] && [ "$(id -u)" -eq 0 ] && [ -z "${SEKISHO_LOGIN:-}" ]; then
	export SEKISHO_LOGIN=1
	sekishoctl firmware status
	if sekishoctl status 2>/dev/null; then
		sekishoctl show ports
	elif [ -e /etc/systemd/system/multi-user.target.wants/sekishod.service ]; then
		echo "the gateway does not answer; journalctl -u sekishod says why"
	else
		echo "no gateway is set up yet: setup says which NICs there are, and how to give it one"
	fi
	exec sekishoctl
fi
