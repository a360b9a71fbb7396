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
	texts []string // of isPage by page, of isCode by code
}

// Places of the fields in fields that the code names.
const (
	fieldLatitude = 14
	fieldMobile   = 27
)

// fields is the schema of web events.
var fields = []field{
	{"event_id", isID, nil},
	{"event_timestamp", isStamp, nil},
	{"event_type", isCode, []string{"pageview"}},
	{"page_url", isPage, each(pageNames[:], "http://www.dummywebsite.com/", "")},
	{"page_url_path", isPage, each(pageNames[:], "/", "")},
	{"referer_url", isCode, each(names(origins), "www.", ".com")},
	{"referer_url_scheme", isCode, []string{"http"}},
	{"referer_url_port", isCode, []string{"80"}},
	{"referer_medium", isCode, []string{"internal", "search"}},
	{"utm_medium", isCode, names(media)},
	{"utm_source", isCode, names(origins)},
	{"utm_content", isCode, names(ads)},
	{"utm_campaign", isCode, names(campaigns)},
	{"click_id", isText, nil},
	{"geo_latitude", isText, nil},
	{"geo_longitude", isText, nil},
	{"geo_country", isCode, ofCities(func(c city) string { return c.country })},
	{"geo_timezone", isCode, ofCities(func(c city) string { return c.zone })},
	{"geo_region_name", isCode, ofCities(func(c city) string { return c.region })},
	{"ip_address", isText, nil},
	{"browser_name", isCode, names(browsers)},
	{"browser_user_agent", isCode, agents()},
	{"browser_language", isCode, ofCities(func(c city) string { return c.language })},
	{"os", isCode, names(systems)},
	{"os_name", isCode, names(systems)},
	{"os_timezone", isCode, ofCities(func(c city) string { return c.zone })},
	{"device_type", isCode, []string{"Computer", "Mobile"}},
	{"device_is_mobile", isBool, nil},
	{"user_custom_id", isText, nil},
	{"user_domain_id", isText, nil},
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

func newUser(seed uint64, number uint32) *user {
	own := at(seed, uint64(number))
	draws := uint64(0)
	draw := func() uint64 { draws++; return at(own, draws) }
	origin, system, browser := pick(draw(), origins), pick(draw(), systems), pick(draw(), browsers)
	home := uint8(below(draw(), uint64(len(cities))))
	u := &user{number: number, mobile: system >= 3}
	search, phone := uint8(0), uint8(0)
	if name := origins[origin].text; name == "google" || name == "bing" {
		search = 1
	}
	if u.mobile {
		phone = 1
	}
	codes := map[string]uint8{
		"referer_url": origin, "referer_medium": search, "utm_medium": pick(draw(), media), "utm_source": origin, "utm_content": pick(draw(), ads),
		"utm_campaign": pick(draw(), campaigns), "geo_country": home, "geo_timezone": home, "geo_region_name": home, "browser_name": browser,
		"browser_user_agent": system*uint8(len(browsers)) + browser, "browser_language": home, "os": system, "os_name": system, "os_timezone": home, "device_type": phone,
	}
	uuid := func() string { return string(appendUUID(nil, draw(), draw())) }
	near := func(degrees float64) string {
		return strconv.FormatFloat(degrees+unit(draw())*0.4-0.2, 'f', 5, 64)
	}
	word := func(from []string) string { return from[below(draw(), uint64(len(from)))] }
	texts := map[string]string{
		"click_id": uuid(), "user_domain_id": uuid(), "geo_latitude": near(cities[home].latitude), "geo_longitude": near(cities[home].longitude),
		"ip_address":     fmt.Sprintf("%d.%d.%d.%d", 11+below(draw(), 116), below(draw(), 256), below(draw(), 256), 1+below(draw(), 254)),
		"user_custom_id": fmt.Sprintf("%s.%s%d@%s", word(firstNames), word(lastNames), number, word(mailHosts)),
	}
	for i, f := range fields {
		u.codes[i], u.texts[i] = codes[f.name], texts[f.name]
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
