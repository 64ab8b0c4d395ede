package corpus

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// A language is what the cells of rows and the names of columns are made of.
type language struct {
	columns []string
	words   []string
	space   string
}

var (
	english = language{
		columns: strings.Split("Product Name,Price,Rating,Rank,Product,Category,Units Sold,Revenue,Customer,Review,Date,Verified Purchase,Title,Link,Image,Author,Published,Summary,Company,Location,Salary,Posted,SKU,Brand,Stock,Seller,Shipping,Condition,Votes,Comments,Address,City,Phone,Website,Opening Hours,Bedrooms,Area,Year,Mileage,Fuel,Team,Points,Wins,Losses,Score,Change,Volume,Market Cap,Symbol,Name", ","),
		words:   strings.Fields("the a of and to in is for with that this on was it as are by from at or an be new all more one has its but not your you we very good great love quality price product battery screen laptop phone camera delivery arrived quickly expected better than before works perfectly would recommend anyone looking light heavy fast slow large small blue black silver edition performance outstanding incredible value money returned customer service excellent poor shipping box damaged original replacement warranty months later still running quiet fan keyboard display bright colors sharp weather travel office home kitchen garden market company report growth quarter people city building street river mountain history"),
		space:   " ",
	}
	// german is for the escaped corpus: mostly ASCII, now and then a letter that
	// isn't, in names as in cells.
	german = language{
		columns: strings.Split("Größe,Preis,Verfügbarkeit,Händler,Bewertung,Straße,Artikel,Marke,Lieferung,Stückzahl,Zustand,Höhe,Breite,Länge,Gewicht,Farbe,Maß,Öffnungszeiten,Adresse,Ort,Überschrift,Auszug,Datum,Währung", ","),
		words:   strings.Fields("der die das und für mit über schön größer Straße natürlich Gerät läuft sehr gut würde wieder kaufen Lieferung schnell Qualität Preis völlig in Ordnung nicht möglich später geöffnet Café déjà naïve façade 価格 東京 🚀 👍 früher grün weiß schwarz klein groß Küche Büro Tür Schlüssel Zubehör enthält ist war hat kein eine einen auf von zu bei nach"),
		space:   " ",
	}
	chinese = language{
		columns: strings.Split("商品名称,价格,评分,排名,类别,销量,评论,日期,卖家,库存,品牌,型号,链接,图片,作者,发布时间,摘要,公司,地点,薪资,标题,电话,地址,营业时间", ","),
		words:   strings.Split("这款产品 质量 非常 很好 物流 速度 快 包装 完整 价格 实惠 推荐 购买 客服 态度 屏幕 清晰 电池 续航 手机 电脑 相机 颜色 漂亮 使用 方便 功能 强大 值得 信赖 不错 满意 喜欢 下次 还会 再来 东京 駅前 価格 送料無料 新品 レビュー とても 良い 製品 です 한국 배송 빠른 좋아요 ， 。 ！ ２０２５年", " "),
	}
)

// columnNames gives n different names.
func (l language) columnNames(r *rand.Rand, n int) []string {
	names := make([]string, n)
	for i, at := range r.Perm(len(l.columns))[:n] {
		names[i] = l.columns[at]
	}
	return names
}

// text gives words of about the given length in bytes.
func (l language) text(r *rand.Rand, length int) string {
	var b strings.Builder
	for b.Len() < length {
		if b.Len() > 0 {
			b.WriteString(l.space)
		}
		b.WriteString(l.words[r.IntN(len(l.words))])
	}
	return b.String()
}

// cell gives the text of one cell as scraped pages have them: most are short,
// a few are paragraphs, and a few of those need escapes.
func (l language) cell(r *rand.Rand) string {
	switch n := r.IntN(100); {
	case n < 10:
		return "$" + strconv.Itoa(1+r.IntN(9)) + "," + digits(r, 3) + "." + digits(r, 2)
	case n < 18:
		return strconv.Itoa(1+r.IntN(4)) + "." + digits(r, 1) + "/5 stars"
	case n < 28:
		return strconv.Itoa(r.IntN(10_000))
	case n < 36:
		return date(r)
	case n < 44:
		return "https://shop.example/" + letters(r, 3+r.IntN(8)) + "/" + letters(r, 8+r.IntN(30)) + "?id=" + digits(r, 7)
	case n < 47:
		return ""
	case n < 75:
		return l.text(r, 4+r.IntN(20))
	case n < 92:
		return l.text(r, 15+r.IntN(60))
	case n < 97:
		return l.text(r, 80+r.IntN(240))
	case n < 99:
		return l.text(r, 10+r.IntN(30)) + ` "` + l.text(r, 10) + `" ` + l.text(r, 20)
	default:
		return l.text(r, 20+r.IntN(60)) + "\n" + l.text(r, 40)
	}
}

func fromAlphabet(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func digits(r *rand.Rand, n int) string  { return fromAlphabet(r, "0123456789", n) }
func letters(r *rand.Rand, n int) string { return fromAlphabet(r, "abcdefghijklmnopqrstuvwxyz", n) }

func uuid(r *rand.Rand) string {
	hex := fromAlphabet(r, "0123456789abcdef", 32)
	return hex[:8] + "-" + hex[8:12] + "-4" + hex[13:16] + "-a" + hex[17:20] + "-" + hex[20:]
}

// epoch is 2020-01-01 in seconds; everything happens in the six years after it.
const (
	epoch = 1_577_836_800
	span  = 6 * 365 * 24 * 60 * 60
)

func date(r *rand.Rand) string {
	return time.Unix(epoch+r.Int64N(span), 0).UTC().Format(time.DateOnly)
}

// A clock writes RFC 3339 date-times as one of the languages does that send
// them.
type clock struct {
	now    time.Time
	layout string
}

func newClock(r *rand.Rand) *clock {
	c := &clock{now: time.Unix(epoch+r.Int64N(span), r.Int64N(1e9)).UTC()}
	switch n := r.IntN(20); {
	case n < 14:
		c.layout = "2006-01-02T15:04:05.000Z" // JavaScript
	case n < 16:
		c.layout = "2006-01-02T15:04:05.000000+00:00" // Python
	case n < 18:
		c.layout = time.RFC3339Nano // Go
		c.now = c.now.In(time.FixedZone("", 2*60*60))
	default:
		c.layout = time.RFC3339
	}
	return c
}

// later moves the clock by up to the most, and gives what it shows.
func (c *clock) later(r *rand.Rand, most time.Duration) string {
	c.now = c.now.Add(time.Duration(r.Int64N(int64(most))))
	return c.now.Format(c.layout)
}
