# A real pacemaker-fenced without a cluster, in namespaces of its own: nothing of it is seen outside, and everything of it ends with
# this shell. Arguments: the folder of the agents, an empty folder. Then each line of standard input is a command; its exit code follows.
set -e
agents=$1 work=$2
mkdir -p "$work/sbin" "$work/etc/libqb"
cp "$agents/fence_ipmi" "$agents/fence_redfish" "$work/sbin/"
# Sockets in /run, which is ours here, instead of abstract ones, which would be the whole machine's.
: >"$work/etc/libqb/force-filesystem-sockets"
# fenced looks for agents in /usr/sbin only.
mount -t overlay overlay -o "lowerdir=$work/sbin:/usr/sbin" /usr/sbin
mount -t overlay overlay -o "lowerdir=$work/etc:/etc" /etc
for folder in /run /dev/shm /var/lib/pacemaker /var/log/pacemaker; do
    mount -t tmpfs tmpfs "$folder"
done
mkdir -p /run/crm /var/lib/pacemaker/cores
chown hacluster:haclient /run/crm /var/lib/pacemaker /var/lib/pacemaker/cores
export PCMK_logfile=$work/fenced.log PCMK_debug=yes
/usr/lib/pacemaker/pacemaker-fenced --stand-alone </dev/null >/dev/null 2>&1 &
until stonith_admin -L >/dev/null 2>&1; do
    sleep 0.1
    kill -0 $! || exit 1
done
set +e
echo "== 0"
while read -r line; do
    eval "$line" </dev/null 2>&1
    echo "== $?"
done
