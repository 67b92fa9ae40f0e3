"""Common given and family names, by language, written down for this file; in lower case, without accents."""

from __future__ import annotations

GIVEN: dict[str, str] = {
    "en": "james mary john patricia robert jennifer michael linda william elizabeth david barbara "
    "richard susan joseph jessica thomas sarah charles karen christopher lisa daniel nancy matthew betty "
    "anthony margaret mark sandra donald ashley steven kimberly paul emily andrew donna joshua michelle "
    "kenneth carol kevin amanda brian melissa george deborah edward stephanie ronald rebecca timothy sharon "
    "jason laura jeffrey cynthia ryan kathleen jacob amy gary oliver amelia harry olivia jack isla noah ava "
    "charlie emma alfie sophie liam grace ethan chloe luke hannah adam samuel benjamin henry alice lucy ruby "
    "ella jane peter simon ian alan stuart graham nigel helen claire fiona",
    "de": "hans peter wolfgang klaus jurgen juergen michael andreas stefan thomas christian markus "
    "martin matthias frank uwe bernd ralf dieter heinz gunter karl werner gerhard horst manfred helmut jan "
    "lukas leon finn paul jonas felix max maximilian moritz tim niklas philipp sebastian florian tobias ursula "
    "monika petra sabine renate helga karin brigitte ingrid erika andrea gisela claudia susanne birgit christa "
    "anna lena lea mia leonie johanna katharina julia sarah laura nina heike anja silke kerstin martina ute "
    "jutta angelika greta frieda clara emilia charlotte marie sophie",
    "fr": "jean pierre michel andre philippe alain bernard jacques daniel nicolas christophe laurent "
    "patrick julien francois thierry olivier stephane sebastien frederic guillaume antoine mathieu alexandre "
    "louis lucas hugo arthur jules gabriel raphael adam leo theo marie nathalie isabelle sylvie catherine "
    "francoise valerie christine sandrine sophie stephanie celine aurelie emilie camille manon lea chloe emma "
    "louise jade alice ines juliette charlotte lucie margaux helene monique jacqueline nicole anne martine "
    "dominique veronique brigitte virginie laetitia pauline mathilde clemence",
    "es": "antonio jose manuel francisco juan david javier daniel carlos jesus alejandro miguel "
    "rafael pedro pablo angel sergio fernando jorge luis alberto alvaro diego adrian raul ivan ruben enrique "
    "ramon vicente maria carmen ana isabel laura cristina marta dolores lucia pilar elena mercedes paula sara "
    "rosario raquel teresa beatriz nuria silvia rosa julia montserrat patricia andrea irene sofia alba claudia "
    "natalia rocio eva yolanda sonia monica ines guadalupe xavier",
    "it": "giuseppe giovanni antonio mario luigi francesco angelo vincenzo pietro salvatore carlo "
    "franco domenico bruno paolo michele giorgio aldo sergio luciano andrea marco alessandro matteo lorenzo "
    "luca davide simone federico gabriele riccardo stefano roberto fabio maria anna giuseppina rosa angela "
    "giovanna teresa lucia carmela caterina francesca antonietta carla elena concetta rita margherita franca "
    "paola giulia chiara sara martina valentina alessia ginevra sofia aurora giorgia silvia elisa federica "
    "ilaria laura roberta daniela simona barbara cristina monica",
    "nl": "jan johannes willem hendrik cornelis pieter gerrit jacobus dirk kees henk piet peter rob "
    "bart sander jeroen bas daan sem lucas levi milan thijs ruben lars bram luuk jesse thomas tim niels koen "
    "stijn maarten joost wouter erik maria johanna anna cornelia elisabeth catharina wilhelmina hendrika "
    "anneke marijke ineke annemarie emma julia sophie lotte anouk sanne femke lisa eva fleur iris roos noor "
    "tess saar maud esmee marloes ilse mieke joke wilma",
    "pl": "jan andrzej piotr krzysztof stanislaw tomasz pawel jozef marcin marek michal grzegorz "
    "jerzy tadeusz adam lukasz zbigniew ryszard dariusz henryk mariusz kazimierz wojciech robert mateusz jakub "
    "kacper szymon filip bartosz anna maria katarzyna malgorzata agnieszka krystyna barbara ewa elzbieta zofia "
    "janina teresa joanna magdalena monika jadwiga danuta irena halina helena beata aleksandra marta dorota "
    "natalia julia zuzanna oliwia wiktoria karolina",
    "pt": "jose maria antonio joao manuel francisco carlos luis paulo pedro jorge fernando miguel "
    "rui nuno ricardo tiago bruno andre diogo goncalo rodrigo afonso duarte martim santiago lucas gabriel "
    "rafael mateus ana isabel fernanda teresa helena paula catarina sofia ines beatriz mariana leonor matilde "
    "carolina joana rita marta sara filipa margarida francisca adriana juliana camila larissa leticia vitoria "
    "aline patricia sandra luciana marcia",
    "sv": "lars anders johan erik per karl mikael peter jan thomas daniel fredrik hans bengt mats "
    "andreas stefan bo nils sven magnus jonas martin oskar oscar william liam noah hugo axel elias alexander "
    "gustav viktor anna eva maria karin kristina lena kerstin sara emma ingrid marie malin jenny linda annika "
    "anneli birgitta elin johanna ida hanna elsa alice maja ebba astrid saga vera linnea agnes frida sofia "
    "ulla gunilla margareta inger monica helena",
    "more": "mohammed muhammad ahmed ali fatima aisha omar hassan ibrahim yusuf layla zainab mehmet "
    "mustafa ayse emine wei li ming fang jing yan hiroshi yuki sakura kenji raj priya amit anita sanjay deepak "
    "sunita olga ivan dmitri svetlana natasha sergei tatiana vladimir nguyen linh minh",
}

FAMILY: dict[str, str] = {
    "en": "smith johnson williams brown jones miller davis wilson anderson taylor moore jackson "
    "martin lee thompson white harris clark lewis robinson walker young allen king wright scott hill green "
    "adams nelson baker hall campbell mitchell carter roberts phillips evans turner parker collins edwards "
    "stewart morris murphy cook rogers morgan cooper peterson reed bailey bell kelly howard ward cox "
    "richardson wood watson brooks bennett gray hughes price myers foster sanders ross patel khan shaw walsh "
    "ryan byrne obrien oconnor mcdonald macdonald fraser hamilton graham",
    "de": "muller mueller schmidt schneider fischer weber meyer wagner becker schulz hoffmann "
    "schafer schaefer koch bauer richter klein wolf schroder schroeder neumann schwarz zimmermann braun kruger "
    "krueger hofmann hartmann lange schmitt werner schmitz krause meier lehmann schmid schulze maier kohler "
    "koehler herrmann konig koenig walter mayer huber kaiser fuchs peters lang scholz moller weiss jung hahn "
    "schubert vogel friedrich keller gunther frank berger winkler roth beck lorenz baumann franke albrecht "
    "schuster simon ludwig bohm winter kraus martin schumacher kramer vogt stein jager otto sommer gross "
    "seidel heinrich brandt haas schreiber graf dietrich ziegler kuhn kuehn pohl engel horn busch bergmann",
    "fr": "martin bernard thomas petit robert richard durand dubois moreau laurent simon michel "
    "lefebvre leroy roux david bertrand morel fournier girard bonnet dupont lambert fontaine rousseau vincent "
    "muller lefevre faure andre mercier blanc guerin boyer garnier chevalier francois legrand gauthier garcia "
    "perrin robin clement morin nicolas henry roussel mathieu gautier masson marchand duval denis dumont marie "
    "lemaire noel meyer dufour meunier brun blanchard giraud joly riviere lucas brunet gaillard barbier arnaud "
    "martinez gerard roche renard schmitt roy leroux colin vidal caron picard roger",
    "es": "garcia rodriguez gonzalez fernandez lopez martinez sanchez perez gomez martin jimenez "
    "ruiz hernandez diaz moreno munoz alvarez romero alonso gutierrez navarro torres dominguez vazquez ramos "
    "gil ramirez serrano blanco molina morales suarez ortega delgado castro ortiz rubio marin sanz nunez "
    "iglesias medina garrido cortes castillo santos lozano guerrero cano prieto mendez cruz calvo gallego "
    "vidal leon marquez herrera pena flores cabrera campos vega fuentes carrasco diez reyes caballero nieto "
    "aguilar pascual santana herrero lorenzo montero hidalgo gimenez ibanez ferrer duran",
    "it": "rossi russo ferrari esposito bianchi romano colombo ricci marino greco bruno gallo conti "
    "deluca mancini costa giordano rizzo lombardi moretti barbieri fontana santoro mariani rinaldi caruso "
    "ferrara galli martini leone longo gentile martinelli vitale lombardo serra coppola desantis dangelo "
    "marchetti parisi villa conte ferraro ferri fabbri bianco marini grasso valentini messina sala deangelis "
    "gatti pellegrini palumbo sanna farina rizzi monti cattaneo morelli amato silvestri mazza testa grassi "
    "pellegrino carbone giuliani benedetti barone rossetti caputo montanari guerra palmieri bernardi",
    "nl": "dejong jansen devries vandenberg bakker vandijk visser janssen smit meijer deboer mulder "
    "degroot bos vos peters hendriks vanleeuwen dekker brouwer dewit dijkstra smits degraaf vandermeer "
    "vanderlinden kok jacobs dehaan vermeulen vandenheuvel vandeven vandenbosch schouten vandenbroek vanbeek "
    "willems vanvliet hoekstra maas verhoeven koster vandam prins blom huisman peeters dejonge kuipers vanveen "
    "post kuiper veenstra kramer vandenbrink scholten vanwijk postma jong vries berg dijk boer groot leeuwen "
    "wit graaf meer linden haan heuvel bosch broek beek vliet dam veen brink wijk",
    "pl": "nowak kowalski kowalska wisniewski wisniewska wojcik kowalczyk kaminski kaminska "
    "lewandowski lewandowska zielinski zielinska szymanski szymanska wozniak dabrowski dabrowska kozlowski "
    "kozlowska jankowski jankowska mazur kwiatkowski kwiatkowska wojciechowski wojciechowska krawczyk "
    "kaczmarek piotrowski piotrowska grabowski grabowska zajac pawlowski pawlowska michalski michalska krol "
    "wieczorek jablonski jablonska wrobel nowakowski nowakowska majewski majewska olszewski olszewska stepien "
    "malinowski malinowska jaworski jaworska adamczyk dudek nowicki nowicka pawlak gorski gorska witkowski "
    "witkowska walczak sikora baran rutkowski rutkowska michalak szewczyk ostrowski ostrowska tomaszewski "
    "pietrzak",
    "pt": "silva santos ferreira pereira oliveira costa rodrigues martins jesus sousa fernandes "
    "goncalves gomes lopes marques alves almeida ribeiro pinto carvalho teixeira moreira correia mendes nunes "
    "soares vieira monteiro cardoso rocha raposo neves coelho cruz cunha pires ramos reis simoes antunes matos "
    "fonseca machado araujo barbosa tavares lourenco castro figueiredo azevedo freitas magalhaes lima melo "
    "barros nascimento moura cavalcanti dias campos batista borges andrade",
    "sv": "andersson johansson karlsson nilsson eriksson larsson olsson persson svensson gustafsson "
    "pettersson jonsson jansson hansson bengtsson jonasson lindberg jakobsson magnusson olofsson lindstrom "
    "lindqvist lindgren axelsson berg bergstrom lundberg lind lundgren lundqvist mattsson berglund fredriksson "
    "sandberg henriksson forsberg sjoberg wallin engstrom eklund danielsson lundin hakansson bjork bergman "
    "gunnarsson holm wikstrom samuelsson isaksson fransson bergqvist nystrom holmberg arvidsson lofgren "
    "soderberg nyberg blomqvist claesson nordstrom martensson lundstrom viklund hansen olsen",
    "more": "nguyen tran kim park chen wang li zhang liu singh kumar sharma gupta yilmaz kaya demir "
    "ivanov petrov popov horvat novak kovac nagy szabo toth jensen nielsen hansen pedersen korhonen virtanen "
    "makinen papadopoulos tanaka suzuki",
}
