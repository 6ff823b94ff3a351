# Sourced in the virtual machine. The algorithms of ESP are loaded before charon asks for them: an exchange waits meanwhile. So do packets
# that are held for a mobile node.
ip link set lo up
modprobe -a ip6_tunnel sit ipip esp4 esp6 xfrm_user veth bridge tun nf_tables nft_queue nfnetlink_queue gcm ctr ghash seqiv echainiv || exit 1
