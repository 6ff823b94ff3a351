package policy

import (
	"fmt"
	"strings"

	"netlmm/mobility"
)

// Bounds of the patterns of one peer.
const (
	maximumPatterns = 1024
	longestPattern  = 253
)

// Patterns say which mobile nodes a gateway may register (RFC 5213 section 4): identifiers as netlmmctl prints them, in which *
// stands for any text, such as *@example.net or 02:00:5e:*. No pattern at all means every mobile node.
type Patterns []string

// ParsePatterns checks patterns as configuration has them.
func ParsePatterns(list []string) (Patterns, error) {
	if len(list) > maximumPatterns {
		return nil, fmt.Errorf("has %d patterns: want at most %d, so use * more", len(list), maximumPatterns)
	}
	for _, pattern := range list {
		switch {
		case pattern == "":
			return nil, fmt.Errorf("has an empty pattern: want an NAI or a MAC address, with * for any text, such as *@example.net")
		case len(pattern) > longestPattern:
			return nil, fmt.Errorf("has a pattern of %d octets: want at most %d", len(pattern), longestPattern)
		}
	}
	return Patterns(list), nil
}

// Match reports whether one of the patterns, or the want of any, covers a mobile node. Identifiers are compared as they are:
// RFC 4282 leaves the case of an NAI to its realm.
func (p Patterns) Match(id mobility.MobileNodeID) bool {
	if len(p) == 0 {
		return true
	}
	text := id.String()
	// An NAI that prints like an identifier of another kind, or only in quotes, must not borrow the pattern of what it looks
	// like.
	parsed, err := mobility.ParseMobileNodeID(text)
	plain := err == nil && parsed == id
	for _, pattern := range p {
		if strings.Trim(pattern, "*") == "" || plain && match(pattern, text) {
			return true
		}
	}
	return false
}

// match compares text with one pattern: what stands between stars must occur in its order, at the ends where no star is.
func match(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return true
}
