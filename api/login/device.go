package login

import "strings"

// deviceName says in words what a user agent is of: "Firefox on Windows". It is a
// help for people to know their devices again, and no more.
func deviceName(userAgent string) string {
	program := firstIn(userAgent, programs)
	system := firstIn(userAgent, systems)
	switch {
	case program == "" && system == "":
		// Programs that are no browsers begin with their name: "curl/8.5.0".
		name, _, _ := strings.Cut(userAgent, " ")
		name, _, _ = strings.Cut(name, "/")
		if name == "" || name == "Mozilla" || len(name) > 40 {
			return "Unknown device"
		}
		return name
	case program == "":
		return "Unknown program on " + system
	case system == "":
		return program
	}
	return program + " on " + system
}

// name is what something is called that has mark in its user agent.
type name struct{ mark, name string }

// Order matters: many claim to be others as well.
var (
	programs = []name{
		{"Edg", "Edge"},
		{"OPR/", "Opera"},
		{"Opera", "Opera"},
		{"Vivaldi/", "Vivaldi"},
		{"YaBrowser/", "Yandex Browser"},
		{"SamsungBrowser/", "Samsung Internet"},
		{"Electron/", "Electron"},
		{"obs-studio", "OBS Studio"},
		{"OBS", "OBS Studio"},
		{"FxiOS/", "Firefox"},
		{"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"},
		{"HeadlessChrome/", "Chrome"},
		{"Chrome/", "Chrome"},
		{"Chromium/", "Chromium"},
		{"Safari/", "Safari"},
	}
	systems = []name{
		{"iPhone", "iPhone"},
		{"iPad", "iPad"},
		{"Android", "Android"},
		{"CrOS", "ChromeOS"},
		{"Windows", "Windows"},
		{"Macintosh", "Mac"},
		{"Mac OS X", "Mac"},
		{"Linux", "Linux"},
		{"FreeBSD", "FreeBSD"},
		{"OpenBSD", "OpenBSD"},
		{"Tizen", "Tizen"},
		{"Web0S", "webOS"},
		{"PlayStation", "PlayStation"},
		{"Xbox", "Xbox"},
	}
)

// firstIn returns the name of the first of list that is in text; "" if none is.
func firstIn(text string, list []name) string {
	for _, n := range list {
		if strings.Contains(text, n.mark) {
			return n.name
		}
	}
	return ""
}
