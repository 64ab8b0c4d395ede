import com.ibm.icu.text.DateFormatSymbols;
import com.ibm.icu.text.DateTimePatternGenerator;
import com.ibm.icu.text.NumberingSystem;
import com.ibm.icu.util.Calendar;
import com.ibm.icu.util.ULocale;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;

/**
 * Prints how JavaScript's Date.prototype.toLocaleString() writes times in each locale
 * of this version of ICU: pattern (UTS 35), calendar, day periods and the locale's tag,
 * separated by tabs, one line for each tag.
 *
 * ECMA-402 asks for numeric year, month, day, hour, minute and second, which is the
 * skeleton yMdjms of ICU.
 */
class Layouts {
	public static void main(String[] args) {
		PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
		for (ULocale locale : ULocale.getAvailableLocales()) {
			Calendar calendar = Calendar.getInstance(locale);
			if (NumberingSystem.getInstance(locale).isAlgorithmic() || !locale.getVariant().isEmpty()) {
				continue;
			}
			String pattern = DateTimePatternGenerator.getInstance(locale).getBestPattern("yMdjms");
			DateFormatSymbols symbols = new DateFormatSymbols(calendar, locale);
			pattern = pattern.replace("GGGGG", "'" + last(symbols.getNarrowEras()) + "'")
				.replace("G", "'" + last(symbols.getEras()) + "'");
			String periods = "";
			if (pattern.replaceAll("'[^']*'", "").contains("a")) {
				periods = String.join("|", symbols.getAmPmStrings());
			}
			for (String tag : tags(locale)) {
				String rest = "\t" + calendar.getType() + "\t" + plain(periods) + "\t" + tag;
				out.println(plain(pattern) + rest);
				out.println(plain(pattern.replaceFirst("^'[^']*' ", "")) + rest); // V8 leaves the era out in some
			}
		}
		out.flush();
	}

	/** Returns the era that lasts until today. */
	static String last(String[] eras) {
		return eras[eras.length - 1];
	}

	/** Returns the tags of a locale: also without what its language or region implies. */
	static Set<String> tags(ULocale locale) {
		Set<String> tags = new TreeSet<>();
		tags.add(locale.toLanguageTag());
		tags.add(ULocale.minimizeSubtags(locale).toLanguageTag());
		ULocale short_ = new ULocale(locale.getLanguage(), locale.getCountry());
		if (ULocale.addLikelySubtags(short_).equals(ULocale.addLikelySubtags(locale))) {
			tags.add(short_.toLanguageTag());
		}
		return tags;
	}

	/** Returns text with plain spaces and commas, and without marks of direction. */
	static String plain(String text) {
		return text.replaceAll("[\u200e\u200f\u061c]", "")
			.replaceAll("[\u00a0\u2009\u202f]", " ")
			.replace('\u060c', ',');
	}
}
