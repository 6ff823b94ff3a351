// Package hwsim hands out radios that the kernel simulates (mac80211_hwsim): what one sends, all others on its channel hear, in
// whatever network namespace they are.
package hwsim

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const module = "mac80211_hwsim"

// Load has the kernel simulate so many radios. If it does so already, it goes on with those that it has.
func Load(radios int) error {
	if _, err := os.Stat(filepath.Join("/sys/module", module)); err == nil {
		return nil
	}
	if err := run("kmod", "modprobe", module, fmt.Sprintf("radios=%d", radios)); err != nil {
		return fmt.Errorf("this kernel simulates no radios, use the one of the virtual machine (make wifi, make vm-test): %w", err)
	}
	return nil
}

// Give moves a free radio into a network namespace, its interface with this name and address, and returns what the kernel calls it.
// When the namespace is gone it is free again.
func Give(namespace, name string, address net.HardwareAddr) (phy string, err error) {
	found, err := filepath.Glob("/sys/class/ieee80211/*/device/net/*")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("no radio is left for %s: load %s with more radios", namespace, module)
	}
	phy, link := filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(found[0])))), filepath.Base(found[0])
	if err := run("iw", "iw", "phy", phy, "set", "netns", "name", namespace); err != nil {
		return "", err
	}
	return phy, run("iproute2", "ip", "-n", namespace, "link", "set", link, "down", "name", name, "address", address.String())
}

// What a radio of the simulation sends with, in dBm; what is lost on the way is set per radio, in dB.
const sentWith = 20

// SetSignal sets how strong what a radio sends arrives at the others, from -80 to -30 dBm.
func SetSignal(phy string, dBm int) error {
	file := filepath.Join("/sys/kernel/debug/ieee80211", phy, "hwsim/rx_rssi")
	err := os.WriteFile(file, []byte(strconv.FormatUint(uint64(int64(dBm-sentWith)), 10)), 0) // it reads no minus sign
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: mount debugfs", err)
	}
	return err
}

func run(debianPackage string, words ...string) error {
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%s is not installed; install it with: apt-get install %s", words[0], debianPackage)
	case err != nil:
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
