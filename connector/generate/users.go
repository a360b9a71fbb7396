package generate

import (
	"fmt"
	"strconv"
	"strings"
)

// part is how a field of web events is made.
type part uint8

const (
	isID    part = iota // random for each event
	isStamp             // of the event
	isPage              // depends on the page
	isCode              // of the user, one of few texts
	isText              // of the user, one of many
	isBool              // of the user
)

// field is one of the thirty of a web event.
type field struct {
	name  string
	part  part
	texts []string                                   // of isPage by page, of isCode by code
	code  func(t traits) uint8                       // of isCode, nil: 0
	text  func(dst []byte, t traits, r draws) []byte // of isText
}

// fieldLatitude is the place of geo_latitude in fields.
const fieldLatitude = 14

// fields is the schema of web events.
var fields = []field{
	{name: "event_id", part: isID},
	{name: "event_timestamp", part: isStamp},
	coded("event_type", []string{"pageview"}, nil),
	{name: "page_url", part: isPage, texts: each(pageNames[:], "http://www.dummywebsite.com/", "")},
	{name: "page_url_path", part: isPage, texts: each(pageNames[:], "/", "")},
	coded("referer_url", each(names(origins), "www.", ".com"), func(t traits) uint8 { return t.origin }),
	coded("referer_url_scheme", []string{"http"}, nil),
	coded("referer_url_port", []string{"80"}, nil),
	coded("referer_medium", []string{"internal", "search"}, func(t traits) uint8 { return t.search }),
	coded("utm_medium", names(media), func(t traits) uint8 { return t.medium }),
	coded("utm_source", names(origins), func(t traits) uint8 { return t.origin }),
	coded("utm_content", names(ads), func(t traits) uint8 { return t.ad }),
	coded("utm_campaign", names(campaigns), func(t traits) uint8 { return t.campaign }),
	{name: "click_id", part: isText, text: appendRandomUUID},
	{name: "geo_latitude", part: isText, text: func(dst []byte, t traits, r draws) []byte { return appendNear(dst, cities[t.city].latitude, r) }},
	{name: "geo_longitude", part: isText, text: func(dst []byte, t traits, r draws) []byte { return appendNear(dst, cities[t.city].longitude, r) }},
	coded("geo_country", ofCities(func(c city) string { return c.country }), func(t traits) uint8 { return t.city }),
	coded("geo_timezone", ofCities(func(c city) string { return c.zone }), func(t traits) uint8 { return t.city }),
	coded("geo_region_name", ofCities(func(c city) string { return c.region }), func(t traits) uint8 { return t.city }),
	{name: "ip_address", part: isText, text: appendIP},
	coded("browser_name", names(browsers), func(t traits) uint8 { return t.browser }),
	coded("browser_user_agent", agents(), func(t traits) uint8 { return t.system*uint8(len(browsers)) + t.browser }),
	coded("browser_language", ofCities(func(c city) string { return c.language }), func(t traits) uint8 { return t.city }),
	coded("os", names(systems), func(t traits) uint8 { return t.system }),
	coded("os_name", names(systems), func(t traits) uint8 { return t.system }),
	coded("os_timezone", ofCities(func(c city) string { return c.zone }), func(t traits) uint8 { return t.city }),
	coded("device_type", []string{"Computer", "Mobile"}, func(t traits) uint8 { return t.phone }),
	{name: "device_is_mobile", part: isBool},
	{name: "user_custom_id", part: isText, text: appendMail},
	{name: "user_domain_id", part: isText, text: appendRandomUUID},
}

func coded(name string, texts []string, code func(traits) uint8) field {
	return field{name: name, part: isCode, texts: texts, code: code}
}

const fieldCount = 30

// weighted is a text with its probability.
type weighted struct {
	text string
	p    float64
}

var (
	origins   = []weighted{{"google", .15}, {"facebook", .3}, {"bing", .05}, {"instagram", .2}, {"mailchimp", .3}}
	ads       = []weighted{{"ad_1", .05}, {"ad_2", .3}, {"ad_3", .2}, {"ad_4", .25}, {"ad_5", .2}}
	campaigns = []weighted{{"campaign_1", .8}, {"campaign_2", .2}}
	media     = []weighted{{"cpc", .25}, {"affiliate", .1}, {"organic", .4}, {"social", .25}}
	browsers  = []weighted{{"Chrome", .5}, {"Firefox", .25}, {"IE", .05}, {"Safari", .1}, {"Opera", .1}}
	systems   = []weighted{{"Windows", .1}, {"MacOS", .15}, {"Linux", .05}, {"Android", .3}, {"iOS", .4}}
)

// city is where users live.
type city struct {
	region, country, zone, language string
	latitude, longitude             float64
}

var cities = []city{
	{"Berlin", "DE", "Europe/Berlin", "de-DE", 52.520, 13.405},
	{"Bavaria", "DE", "Europe/Berlin", "de-DE", 48.137, 11.575},
	{"Hamburg", "DE", "Europe/Berlin", "de-DE", 53.551, 9.994},
	{"Vienna", "AT", "Europe/Vienna", "de-AT", 48.208, 16.373},
	{"Zurich", "CH", "Europe/Zurich", "de-CH", 47.377, 8.541},
	{"Île-de-France", "FR", "Europe/Paris", "fr-FR", 48.857, 2.352},
	{"Provence-Alpes-Côte d'Azur", "FR", "Europe/Paris", "fr-FR", 43.296, 5.370},
	{"England", "GB", "Europe/London", "en-GB", 51.507, -0.128},
	{"Scotland", "GB", "Europe/London", "en-GB", 55.953, -3.188},
	{"Madrid", "ES", "Europe/Madrid", "es-ES", 40.417, -3.704},
	{"Lombardy", "IT", "Europe/Rome", "it-IT", 45.464, 9.190},
	{"North Holland", "NL", "Europe/Amsterdam", "nl-NL", 52.368, 4.904},
	{"Mazovia", "PL", "Europe/Warsaw", "pl-PL", 52.230, 21.012},
	{"Stockholm", "SE", "Europe/Stockholm", "sv-SE", 59.329, 18.069},
	{"New York", "US", "America/New_York", "en-US", 40.713, -74.006},
	{"California", "US", "America/Los_Angeles", "en-US", 34.052, -118.244},
	{"Illinois", "US", "America/Chicago", "en-US", 41.878, -87.630},
	{"Ontario", "CA", "America/Toronto", "en-CA", 43.653, -79.383},
	{"São Paulo", "BR", "America/Sao_Paulo", "pt-BR", -23.551, -46.633},
	{"Maharashtra", "IN", "Asia/Kolkata", "en-IN", 19.076, 72.878},
	{"Tokyo", "JP", "Asia/Tokyo", "ja-JP", 35.677, 139.650},
	{"New South Wales", "AU", "Australia/Sydney", "en-AU", -33.869, 151.209},
}

var (
	firstNames = strings.Fields("anna ben clara david emma felix greta hugo ida jan karin leo mia noah olga paul rosa sven tara viktor")
	lastNames  = strings.Fields("bauer becker costa diaz evans fischer garcia hansen ito jones kumar lopez meyer novak rossi silva smith weber wolf young")
	mailHosts  = strings.Fields("example.com example.net example.org")
)

func names(w []weighted) []string {
	out := make([]string, len(w))
	for i := range w {
		out[i] = w[i].text
	}
	return out
}

func each(texts []string, before, after string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = before + t + after
	}
	return out
}

func ofCities(get func(city) string) []string {
	out := make([]string, len(cities))
	for i, c := range cities {
		out[i] = get(c)
	}
	return out
}

// agents returns the user agent of each system with each browser.
func agents() []string {
	platforms := []string{"Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 14_2", "X11; Linux x86_64", "Linux; Android 14", "iPhone; CPU iPhone OS 17_2 like Mac OS X"}
	engines := []string{
		"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36", "Gecko/20100101 Firefox/121.0", "Trident/7.0; rv:11.0",
		"AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15", "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 OPR/106.0",
	}
	var out []string
	for _, p := range platforms {
		for _, e := range engines {
			out = append(out, fmt.Sprintf("Mozilla/5.0 (%s) %s", p, e))
		}
	}
	return out
}

// traits are what a user's attributes follow from.
type traits struct {
	number                       uint32
	origin, medium, ad, campaign uint8
	system, browser, city        uint8
	search, phone                uint8 // 1: came from a search engine, has a phone
}

// draws are the random numbers of one attribute of a user.
type draws uint64

func (d draws) n(n uint64) uint64 { return at(uint64(d), n) }

func appendRandomUUID(dst []byte, _ traits, r draws) []byte { return appendUUID(dst, r.n(0), r.n(1)) }

func appendNear(dst []byte, degrees float64, r draws) []byte {
	return strconv.AppendFloat(dst, degrees+unit(r.n(0))*0.4-0.2, 'f', 5, 64)
}

func appendIP(dst []byte, _ traits, r draws) []byte {
	dst = strconv.AppendUint(dst, 11+below(r.n(0), 116), 10)
	dst = strconv.AppendUint(append(dst, '.'), below(r.n(1), 256), 10)
	dst = strconv.AppendUint(append(dst, '.'), below(r.n(2), 256), 10)
	return strconv.AppendUint(append(dst, '.'), 1+below(r.n(3), 254), 10)
}

func appendMail(dst []byte, t traits, r draws) []byte {
	word := func(n uint64, of []string) string { return of[below(r.n(n), uint64(len(of)))] }
	dst = append(append(append(dst, word(0, firstNames)...), '.'), word(1, lastNames)...)
	dst = strconv.AppendUint(dst, uint64(t.number), 10)
	return append(append(dst, '@'), word(2, mailHosts)...)
}

// user is a person with all attributes, a function of the seed and the number.
type user struct {
	number uint32
	mobile bool
	codes  [fieldCount]uint8
	texts  [fieldCount]string
	line   []byte // the end of the JSON of an event, from referer_url on
}

func pick(r uint64, from []weighted) uint8 {
	u, sum := unit(r), 0.0
	for i := range from {
		if sum += from[i].p; u < sum {
			return uint8(i)
		}
	}
	return uint8(len(from) - 1)
}

func newTraits(number uint32, r draws) traits {
	t := traits{
		number: number, origin: pick(r.n(0), origins), medium: pick(r.n(1), media), ad: pick(r.n(2), ads), campaign: pick(r.n(3), campaigns),
		system: pick(r.n(4), systems), browser: pick(r.n(5), browsers), city: uint8(below(r.n(6), uint64(len(cities)))),
	}
	if name := origins[t.origin].text; name == "google" || name == "bing" {
		t.search = 1
	}
	if name := systems[t.system].text; name == "Android" || name == "iOS" {
		t.phone = 1
	}
	return t
}

func newUser(seed uint64, number uint32) *user {
	own := at(seed, uint64(number))
	t := newTraits(number, draws(own))
	u := &user{number: number, mobile: t.phone == 1}
	var ends [fieldCount]int
	buf := make([]byte, 0, 192)
	for i := range fields {
		f := &fields[i]
		if f.code != nil {
			u.codes[i] = f.code(t)
		}
		if f.text != nil {
			buf = f.text(buf, t, draws(mix(own+uint64(i))))
		}
		ends[i] = len(buf)
	}
	all, from := string(buf), 0
	for i, end := range ends {
		u.texts[i], from = all[from:end], end
	}
	return u
}

// text is the value of a field that belongs to the user.
func (u *user) text(f int) string {
	if fields[f].part == isCode {
		return fields[f].texts[u.codes[f]]
	}
	return u.texts[f]
}

// people finds users, keeping the latest.
type people struct {
	seed  uint64
	known []*user // by number, modulo its length
}

// knownUsers bounds what people keeps: about a kilobyte each.
const knownUsers = 1 << 14

func newPeople(seed int64, users int64) *people {
	return &people{mix(uint64(seed) ^ 0x75736572), make([]*user, min(users, knownUsers))}
}

func (p *people) get(number uint32) *user {
	slot := &p.known[number%uint32(len(p.known))]
	if u := *slot; u != nil && u.number == number {
		return u
	}
	u := newUser(p.seed, number)
	*slot = u
	return u
}
